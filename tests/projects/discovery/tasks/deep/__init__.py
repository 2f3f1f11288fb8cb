from nemorun_discover import *


@task
def prepare(): ...
