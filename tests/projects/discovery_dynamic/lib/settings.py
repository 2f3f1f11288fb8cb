UPSTREAM = ["plain"]


def tags():
    return ["computed"]
