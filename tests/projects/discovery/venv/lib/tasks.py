import nemorun

@nemorun.task
def hidden(): ...
