from __future__ import annotations

import pytest

from nemorun_discover.discovery.arguments import Arguments, Assignment, NodeId
from nemorun_discover.discovery.expand import expand
from nemorun_discover.discovery.keyword import compile_expression
from nemorun_discover.errors import NothingSelected, UsageError
from nemorun_discover.model.task import Script, TypeKind, TypeSpec


def given(*words):
    return [
        Assignment(name=name, text=text) for name, _, text in (one.partition("=") for one in words)
    ]


def only(task, word):
    name, _, text = word.partition("=")
    return Assignment(task=task, name=name, text=text)


def ids(cells):
    return [cell.id for cell in cells]


@pytest.fixture
def train(make_task, param):
    return make_task(
        "train",
        param("lr", "float", 0.1),
        param("seed", "int", 0),
        param("data", "str", "a.csv"),
    )


@pytest.fixture
def evaluate(make_task, param):
    return make_task(
        "evaluate",
        param("lr", "float", 0.1),
        param("split", "str", "val"),
        after=("tasks/train.py::train",),
    )


def test_defaults_are_sent_and_make_no_label(train):
    (cell,) = expand([train])

    assert cell.params == {"lr": 0.1, "seed": 0, "data": "a.csv"}
    assert cell.id == "train"
    assert cell.pairs == ()


def test_a_default_that_is_no_literal_is_left_to_python(make_task, param):
    task = make_task(
        "train", param("device", "str", default_text="pick()"), param("lr", "float", 1.0)
    )

    (cell,) = expand([task])

    assert cell.params == {"lr": 1.0}


def test_the_config_wins_over_defaults_without_a_label(make_task, param):
    task = make_task("train", param("lr", "float", 0.1), values={"lr": 1})

    (cell,) = expand([task])

    assert cell.params == {"lr": 1.0}
    assert cell.label == ""


def test_parametrize_wins_over_the_config(make_task, param):
    task = make_task(
        "train", param("lr", "float", 0.1), values={"lr": 1}, parametrize=[("lr", [2, 3])]
    )

    cells = expand([task])

    assert [cell.params for cell in cells] == [{"lr": 2.0}, {"lr": 3.0}]
    assert ids(cells) == ["train[lr=2.0]", "train[lr=3.0]"]


def test_the_command_line_wins_over_the_config(make_task, param):
    task = make_task("train", param("lr", "float", 0.1), values={"lr": 1})

    (cell,) = expand([task], given("lr=5"))

    assert cell.params == {"lr": 5.0}
    assert cell.id == "train[lr=5.0]"
    assert cell.pairs == ("lr=5.0",)


def test_the_command_line_replaces_the_rows_of_a_parametrized_name(make_task, param):
    task = make_task("train", param("lr", "float"), parametrize=[("lr", [2, 3], ["two", "three"])])

    cells = expand([task], given("lr=1e-3,1e-4"))

    assert ids(cells) == ["train[lr=0.001]", "train[lr=0.0001]"]


def test_the_other_names_of_a_replaced_row_are_kept_once(make_task, param):
    rows = ("lr,seed", [(1, 7), (2, 7), (3, 8)], ["a", "b", "c"])
    task = make_task("train", param("lr", "float"), param("seed", "int"), parametrize=[rows])

    cells = expand([task], given("lr=5"))

    assert ids(cells) == ["train[lr=5.0,seed=7]", "train[lr=5.0,seed=8]"]


def test_set_wins_over_a_plain_value_and_is_for_one_task(train, evaluate):
    cells = expand([train, evaluate], [only("train", "lr=9"), *given("lr=5")])

    assert ids(cells) == ["train[lr=9.0]", "evaluate[lr=5.0]"]


def test_set_takes_a_node_id(train):
    cells = expand([train], [only("tasks/train.py::train", "lr=9")])

    assert ids(cells) == ["train[lr=9.0]"]


def test_a_value_goes_to_every_task_that_has_the_parameter(train, evaluate):
    cells = expand([train, evaluate], given("seed=3"))

    assert ids(cells) == ["train[seed=3]", "evaluate"]


def test_lists_and_stacked_parametrize_multiply(make_task, param):
    task = make_task(
        "train",
        *(param(name, "int") for name in "abcd"),
        parametrize=[("c", [1, 2]), ("a", [1, 2])],
    )

    cells = expand([task], given("d=1,2", "b=3"))

    assert ids(cells) == [
        f"train[a={a},b=3,c={c},d={d}]" for c in (1, 2) for a in (1, 2) for d in (1, 2)
    ]
    assert list(cells[0].params) == ["a", "b", "c", "d"]


def test_parametrize_ids_stand_where_their_first_parameter_does(make_task, param):
    task = make_task(
        "train",
        *(param(name, "int") for name in "abc"),
        parametrize=[("c,b", [(1, 2), (3, 4)], ["small", None])],
    )

    cells = expand([task], given("a=0"))

    assert ids(cells) == ["train[a=0,small]", "train[a=0,b=4,c=3]"]
    assert cells[0].params == {"a": 0, "b": 2, "c": 1}


def test_equal_cells_are_run_once(train):
    cells = expand([train], given("lr=1e-3,0.001,1"))

    assert ids(cells) == ["train[lr=0.001]", "train[lr=1.0]"]


def test_ids_are_unique_when_labels_are_not(make_task, param):
    task = make_task("train", param("x"), parametrize=[("x", ["1", 1])])

    cells = expand([task])

    assert ids(cells) == ["train[x=1]", "train[x=1-2]"]
    assert [cell.params["x"] for cell in cells] == ["1", 1]


def test_a_quoted_comma_is_part_of_the_value(train):
    cells = expand([train], given("data='a,b',c"))

    assert [cell.params["data"] for cell in cells] == ["a,b", "c"]
    assert ids(cells) == ["train[data=data0]", "train[data=c]"]


@pytest.mark.parametrize(
    "text",
    ["a b", "it's", 'x"y', "a\nb", "; rm -rf /", "$HOME", "\N{FIRE}", "x" * 10_000, " ", ""],
    ids=lambda text: ascii(text)[:9],
)
def test_a_hostile_value_arrives_and_its_id_stays_safe(train, text):
    (cell,) = expand([train], given(f"data={text}"))

    assert cell.params["data"] == text
    assert cell.id == "train[data=data0]"


def test_a_script_task_follows_the_same_rules(make_task, param):
    task = make_task(
        "prepare",
        param("size", "int"),
        file="nemorun.toml",
        function=None,
        script=Script(path="prepare.sh"),
        values={"size": 10},
    )

    cells = expand([task], given("size=1,2"))

    assert ids(cells) == ["prepare[size=1]", "prepare[size=2]"]


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("train", ["train[lr=0.1]", "train[lr=0.01]"]),
        ("TRAI", ["train[lr=0.1]", "train[lr=0.01]"]),
        ("=train", ["train[lr=0.1]", "train[lr=0.01]"]),
        ("=lr=0.1", ["train[lr=0.1]", "evaluate[lr=0.1]"]),
        ("lr=0.01", ["train[lr=0.01]", "evaluate[lr=0.01]"]),
        ("0.01", ["train[lr=0.01]", "evaluate[lr=0.01]"]),
        ("LR=0.01 and not evaluate", ["train[lr=0.01]"]),
        ("split=val", ["evaluate[lr=0.1]", "evaluate[lr=0.01]"]),
        ("seed=0 and =lr=0.1", ["train[lr=0.1]"]),
        ("train[lr=0.01]", ["train[lr=0.01]"]),
        ("=train or lr=0.01", ["train[lr=0.1]", "train[lr=0.01]", "evaluate[lr=0.01]"]),
    ],
    ids=str,
)
def test_a_keyword_chooses_cells_by_name_and_parameters(train, evaluate, keyword, expected):
    cells = expand([train, evaluate], given("lr=0.1,0.01"), keyword=compile_expression(keyword))

    assert ids(cells) == expected


@pytest.mark.parametrize(
    "keyword", ["tasks", "train.py", "a.csv", "=trai", "=Train", "=lr", "slurm", "local"], ids=str
)
def test_a_keyword_sees_no_file_no_executor_and_no_bare_default(train, keyword):
    with pytest.raises(NothingSelected, match=f"no task matches -k '{keyword}'"):
        expand([train], keyword=compile_expression(keyword))


def test_a_keyword_without_a_match_names_the_nearest(train, evaluate):
    with pytest.raises(NothingSelected) as caught:
        expand([train, evaluate], keyword=compile_expression("trian or evalute"))

    assert caught.value.message == (
        "no task matches -k 'trian or evalute'; the nearest: train, evaluate"
    )


def test_a_keyword_finds_a_value_that_the_label_hides(train):
    cells = expand([train], given("data=a/b,c/d"), keyword=compile_expression("data=c/d"))

    assert ids(cells) == ["train[data=data1]"]


def test_a_keyword_finds_the_users_own_label(make_task, param):
    task = make_task("train", param("x"), parametrize=[("x", [1, 2], ["small", "large"])])

    cells = expand([task], keyword=compile_expression("large"))

    assert ids(cells) == ["train[large]"]


def test_a_required_parameter_without_a_value_is_named(make_task, param):
    task = make_task("train", param("data", "str"))

    with pytest.raises(UsageError) as caught:
        expand([task])

    assert caught.value.message == "train needs a value for data (str): give data=VALUE"


def test_a_mistake_in_a_task_that_the_keyword_leaves_out_does_not_matter(make_task, param, train):
    broken = make_task("convert", param("src", "str"), param("lr", "int"), values={"nope": 1})

    cells = expand([broken, train], given("lr=0.5"), keyword=compile_expression("train"))

    assert ids(cells) == ["train[lr=0.5]"]


def test_without_strictness_a_missing_value_is_left_out(make_task, param):
    task = make_task("train", param("data", "str"), param("lr", "float", 1.0))

    (cell,) = expand([task], strict=False)

    assert cell.params == {"lr": 1.0}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (Assignment(name="lr", text="abc"), "lr: 'abc' is not a float (task train)"),
        (Assignment(name="lr", text="1,abc"), "lr: 'abc' is not a float (task train)"),
        (Assignment(name="lr", text="1,,2"), "lr: value 2 of the list '1,,2' is empty"),
        (
            Assignment(name="sed", text="1"),
            "no selected task has a parameter 'sed'; did you mean seed?",
        ),
        (Assignment(name="zzz", text="1"), "no selected task has a parameter 'zzz'"),
        (
            Assignment(name="lrr", text="1", task="train"),
            "train has no parameter 'lrr'; did you mean lr?",
        ),
        (
            Assignment(name="split", text="1", task="train"),
            "train has no parameter 'split'",
        ),
        (
            Assignment(name="lr", text="1", task="trian"),
            "--set trian.lr=1: no selected task is named 'trian'; did you mean train?",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else one.typed,
)
def test_a_wrong_assignment_is_refused(train, evaluate, assignment, message):
    with pytest.raises(UsageError) as caught:
        expand([train, evaluate], [assignment])

    assert caught.value.message == message


def test_an_unknown_parameter_is_reported_before_the_value_that_it_meant(make_task, param):
    task = make_task("train", param("data", "str"))

    with pytest.raises(UsageError) as caught:
        expand([task], given("dta=x"))

    assert caught.value.message == "train has no parameter 'dta'; did you mean data?"
    assert caught.value.hint == "there are: data"


def test_a_parameter_of_a_task_that_the_keyword_leaves_out_is_unknown(train, evaluate):
    with pytest.raises(UsageError, match=r"^evaluate has no parameter 'seed'"):
        expand([train, evaluate], given("seed=1"), keyword=compile_expression("evaluate"))


def test_two_values_for_one_parameter_are_refused(train):
    with pytest.raises(UsageError, match=r"^lr is given twice"):
        expand([train], given("lr=1", "lr=2"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"values": {"lr": "fast"}},
            "lr: 'fast' is not a float (task train, params of [tasks.train])",
        ),
        (
            {"values": {"lrr": 1}},
            "train has no parameter 'lrr'; did you mean lr? (params of [tasks.train])",
        ),
        (
            {"parametrize": [("lr", [1, "fast"])]},
            "lr: 'fast' is not a float (task train, parametrize in tasks/train.py:3)",
        ),
        (
            {"parametrize": [("sed", [1])]},
            "train has no parameter 'sed' (parametrize in tasks/train.py:3)",
        ),
    ],
    ids=["config value", "config name", "row value", "row name"],
)
def test_a_mistake_in_config_or_parametrize_is_refused_with_its_place(
    make_task, param, more, message
):
    task = make_task("train", param("lr", "float", 0.1), **more)

    with pytest.raises(UsageError) as caught:
        expand([task])

    assert caught.value.message == message


def test_parametrize_without_values_leaves_nothing_to_run(make_task, param):
    task = make_task("train", param("lr"), parametrize=[("lr", [])])

    with pytest.raises(NothingSelected, match=r"no job: parametrize gives no values \(train\)"):
        expand([task])


def test_an_absurdly_large_product_is_refused_at_once(make_task, param):
    task = make_task("train", *(param(name, "int") for name in "abc"))
    numbers = ",".join(map(str, range(1000)))

    with pytest.raises(UsageError, match=r"train would become 1000000000 jobs"):
        expand([task], given(f"a={numbers}", f"b={numbers}", f"c={numbers}"))


@pytest.fixture
def described():
    """A `describe` that knows Color, and the names of the tasks it was asked for."""
    asked = []

    def describe(task):
        asked.append(task.name)
        return {"color": TypeSpec(kind=TypeKind.ENUM, text="Color", values=("RED", "BLUE"))}

    return describe, asked


def test_an_unknown_type_is_described_once_and_used(make_task, param, described):
    describe, asked = described
    task = make_task("paint", param("color", "colors.Color"), param("lr", "float", 1.0))

    cells = expand([task], given("color=red,blue", "lr=1,2"), describe=describe)

    assert [cell.params["color"] for cell in cells] == ["RED", "RED", "BLUE", "BLUE"]
    assert asked == ["paint"]


@pytest.mark.parametrize(
    ("words", "keyword"),
    [((), "paint"), (("lr=1",), "paint"), (("color=red",), "draw")],
    ids=["no value", "another value", "left out"],
)
def test_an_unknown_type_is_not_described_without_need(make_task, param, described, words, keyword):
    describe, asked = described
    paint = make_task(
        "paint", param("color", "colors.Color", default_text="RED"), param("lr", "float", 1.0)
    )
    draw = make_task("draw", param("color", "str", "x"))

    expand([paint, draw], given(*words), keyword=compile_expression(keyword), describe=describe)

    assert asked == []


def test_a_value_of_a_type_that_nobody_knows_is_refused(make_task, param):
    task = make_task("paint", param("color", "colors.Color"))

    with pytest.raises(UsageError, match=r"^color: 'red' cannot be turned into colors\.Color"):
        expand([task], given("color=red"))


def test_dependencies_come_along_whatever_the_keyword_says(train, evaluate, make_task):
    other = make_task("other")

    cells = expand(
        [train, evaluate, other],
        given("lr=1,2", "seed=4"),
        keyword=compile_expression("evaluate"),
        upstream_from=[train, evaluate, other],
    )

    assert ids(cells) == [
        "train[lr=1.0,seed=4]",
        "train[lr=2.0,seed=4]",
        "evaluate[lr=1.0]",
        "evaluate[lr=2.0]",
    ]


def test_an_upstream_task_that_needs_a_value_says_so(make_task, param, evaluate):
    train = make_task("train", param("data", "str"))

    with pytest.raises(UsageError, match="train needs a value for data"):
        expand([evaluate], upstream_from=[train])


@pytest.mark.parametrize(
    ("node_id", "expected"),
    [
        ({"label": "lr=1.0"}, [("train[lr=1.0]", ())]),
        ({"executor": "x"}, [("train[lr=1.0]", ("x",)), ("train[lr=2.0]", ("x",))]),
        ({"label": "lr=2.0", "executor": "x"}, [("train[lr=2.0]", ("x",))]),
        ({"file": "tasks/train.py"}, [("train[lr=1.0]", ()), ("train[lr=2.0]", ())]),
    ],
    ids=["label", "executor", "both", "file"],
)
def test_an_id_keeps_the_cells_that_it_means(train, node_id, expected):
    arguments = Arguments(node_ids=(NodeId(text="t", name="train", **node_id),))

    cells = expand([train], given("lr=1,2"), arguments=arguments)

    assert [(cell.id, cell.executors) for cell in cells] == expected


def test_ids_of_one_cell_on_several_executors_add_up(train):
    names = ("train@b", "train@a", "train@b")
    arguments = Arguments(
        node_ids=tuple(NodeId(text=one, name="train", executor=one[-1]) for one in names)
    )

    (cell,) = expand([train], arguments=arguments)

    assert cell.executors == ("b", "a")


def test_a_path_beside_an_id_keeps_all_cells_of_its_tasks(train, evaluate):
    node_id = NodeId(text="t", name="train", label="lr=1.0", executor="x")
    arguments = Arguments(node_ids=(node_id,), paths=("tasks/evaluate.py",))

    cells = expand([train, evaluate], given("lr=1,2"), arguments=arguments)

    assert ids(cells) == ["train[lr=1.0]", "evaluate[lr=1.0]", "evaluate[lr=2.0]"]
    assert cells[-1].executors == ()


@pytest.mark.parametrize(
    ("label", "message", "hint"),
    [
        (
            "lr=1.1",
            "train has no job 'lr=1.1'; did you mean lr=1.0 or lr=21.7?",
            "to run it with that value: lr=1.1",
        ),
        ("big", "train has no job 'big'", "nemorun list jobs shows the labels there are"),
    ],
    ids=str,
)
def test_an_id_with_a_label_of_no_job_is_refused(train, label, message, hint):
    arguments = Arguments(node_ids=(NodeId(text="t", name="train", label=label),))

    with pytest.raises(UsageError) as caught:
        expand([train], given("lr=1.0,21.7"), arguments=arguments)

    assert caught.value.message.startswith(message)
    assert caught.value.hint == hint
