import nemorun


@nemorun.task(name="side")
def side_task(): ...
