"""Test that copier refuses invalid answers, and that accepted text is rendered literally."""

import re
import sys
import tomllib
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from tests.support import options
from tests.support.options import Answers
from tests.support.questions import read_questions
from tests.support.rendering import Render, render_to
from tests.support.running import run

SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

# Texts with characters that are special in Jinja, TOML, YAML, Python, Markdown, HTML or a shell.
SPECIAL_TEXTS = {
    "jinja": "{{ 7 * 7 }} {% raw %} {# no #} {%- endraw -%}",
    "quotes": """ "double" 'single' ''' three """ + '""" of each',
    "one quote": 'say "hi',
    "more double quotes": """"it's" \\ that""",
    "backslashes": r"\ \n \u0041 \N{DIGIT ONE} \x41 C:\new\\",
    "yaml": "key: value # comment - [a, b] {c: d} & *e !f | > % @ `",
    "yaml words": "no",
    "number": "1e3",
    "toml": "[table] = '''",
    "shell": "$(id) `id` ${HOME} $HOME !! ; rm -rf ~",
    "html": "<script>alert(1)</script> &amp; ]]>",
    "format": "%(name)s %s {0} {name} {}",
    "spaces": "  around  ",
    "letters": "Ünïcode – 名前 – Ж",  # noqa: RUF001
    "emoji": "🚀" * 60,
}


# --- tests/support/options.py lists the same questions as copier.yml ---


def test_options_and_questions_have_the_same_names(template: Path) -> None:
    assert read_questions(template).keys() == {*options.CODE, *options.SURFACE, *options.TEXT}


def test_options_list_every_choice_and_the_default_first(template: Path) -> None:
    questions = read_questions(template)
    for name, values in {**options.CODE, **options.SURFACE}.items():
        choices = questions[name].get("choices", [False, True])
        offered = choices.values() if isinstance(choices, dict) else choices

        assert set(offered) == set(values), name
        assert questions[name]["default"] == values[0], name


def test_text_options_are_questions_without_choices(template: Path) -> None:
    questions = read_questions(template)

    for name in options.TEXT:
        assert questions[name]["type"] == "str"
        assert "choices" not in questions[name]


@pytest.mark.parametrize(
    ("rows", "size"),
    [
        (options.fewest_pairs(), 2),
        (options.pairs(options.CODE), 2),
        (options.surface_pairs(), 2),
        (options.triples(), 3),
    ],
    ids=["fewest pairs", "pairs", "surface pairs", "triples"],
)
def test_combinations_contain_every_valid_pair_or_triple_of_answers(
    rows: Sequence[Answers], size: int
) -> None:
    every = {name: ({**options.CODE, **options.SURFACE})[name] for name in rows[0]}

    assert all(map(options.valid, rows))
    for names in combinations(every, size):
        wanted = product(*(every[name] for name in names))
        assert {tuple(row[name] for name in names) for row in rows} == {
            values for values in wanted if options.valid(dict(zip(names, values, strict=True)))
        }


def test_every_tier_contains_the_combinations_of_the_tier_before() -> None:
    pairs, core, full = (list(map(options.name, options.of_tier(t))) for t in options.TIERS)

    assert set(pairs) < set(core) < set(full)
    assert full == list(map(options.name, options.combinations()))
    together = product(*(options.CODE[name] for name in options.TOGETHER))
    assert {tuple(a[name] for name in options.TOGETHER) for a in options.of_tier("core")} == {
        values
        for values in together
        if options.valid(dict(zip(options.TOGETHER, values, strict=True)))
    }


# --- Answers that copier rejects ---


def refusal(template: Path, destination: Path, answers: Answers) -> str:
    """Return copier's error message about rejected answers. Fail if copier writes a file."""
    with pytest.raises(ValueError, match=" ") as caught:
        render_to(template, destination, answers)
    assert not destination.exists()
    return str(caught.value)


CHOICES = {**options.CODE, **options.SURFACE}
# For a yes-or-no question, copier converts any answer to a boolean, so no answer is rejected.
SWITCHES = {name for name, values in CHOICES.items() if set(values) == {False, True}}


@pytest.mark.parametrize("name", sorted(CHOICES.keys() - SWITCHES))
@pytest.mark.parametrize("answer", ["mysql", "", "MIT ", "None"])
def test_refuses_an_unknown_choice_and_names_all_choices(
    name: str, answer: str, template: Path, tmp_path: Path
) -> None:
    message = refusal(template, tmp_path / "project", {name: answer})

    assert name in message
    assert [value for value in CHOICES[name] if repr(value) not in message] == []


@pytest.mark.parametrize(
    ("name", "answer", "allowed"),
    [
        ("project_name", "", "1 to 60 printable characters"),
        ("project_name", "   ", "1 to 60 printable characters"),
        ("project_name", "x" * 61, "1 to 60 printable characters"),
        ("project_name", "two\nlines", "on one line"),
        ("project_name", "tab\tbed", "printable"),
        ("project_name", "nul\0", "printable"),
        ("project_name", "turned \u202e round", "printable"),
        ("project_slug", "", "lower-case letters, digits and single hyphens"),
        ("project_slug", "My-API", "lower-case letters"),
        ("project_slug", "1st", "starting with a letter"),
        ("project_slug", "a--b", "single hyphens"),
        ("project_slug", "a-", "single hyphens"),
        ("project_slug", "-a", "starting with a letter"),
        ("project_slug", "a_b", "lower-case letters, digits and single hyphens"),
        ("project_slug", "a\n", "lower-case letters, digits and single hyphens"),
        ("project_slug", "../up", "lower-case letters, digits and single hyphens"),
        ("project_slug", "x" * 51, "at most 50 characters"),
        ("description", "x" * 201, "at most 200 printable characters"),
        ("description", "two\nlines", "on one line"),
        ("author_name", "x" * 101, "at most 100 printable characters"),
        ("author_name", "two\rlines", "on one line"),
        ("author_email", "nobody", "name@example.com"),
        ("author_email", "a@b", "name@example.com"),
        ("author_email", "a b@example.com", "name@example.com"),
        ("author_email", "a@example.com\n", "name@example.com"),
        ("author_email", '"><script>"@example.com', "name@example.com"),
        ("author_email", "x" * 250 + "@example.com", "name@example.com"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_refuses_invalid_text_and_says_what_is_allowed(
    name: str, answer: str, allowed: str, template: Path, tmp_path: Path
) -> None:
    message = refusal(template, tmp_path / "project", {name: answer})

    assert name in message
    assert allowed in message


@pytest.mark.parametrize("answers", options.REFUSED, ids=options.name)
def test_refuses_an_impossible_combination_and_names_its_answers(
    answers: Answers, template: Path, tmp_path: Path
) -> None:
    message = refusal(template, tmp_path / "project", answers).lower()

    words = [name if name in SWITCHES else str(value) for name, value in answers.items()]
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    "answers",
    [{"graphql": True}, {"Redis": True, "orms": "piccolo"}, {"packages": []}, {"_src": "x"}],
    ids=",".join,
)
def test_refuses_data_with_unknown_names_and_lists_all_questions(
    answers: Answers, template: Path, tmp_path: Path
) -> None:
    message = refusal(template, tmp_path / "project", answers)

    assert f"There is no question {', '.join(answers)}. " in message
    known = message.partition("The questions are ")[2].rstrip(".").split(", ")
    assert set(read_questions(template)) <= set(known)


# --- Answers that copier accepts ---


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("project_name", "x"),
        ("project_name", "x" * 60),
        ("project_slug", "a"),
        ("project_slug", "a1-2b-c"),
        ("project_slug", "x" * 50),
        ("description", ""),
        ("description", "x" * 200),
        ("author_name", "x" * 100),
        ("author_email", "first.last+tag@sub.example.co.uk"),
    ],
)
def test_accepts_text_at_the_limits(name: str, answer: str, render: Render) -> None:
    assert saved_answers(render(**{name: answer}))[name] == answer


@pytest.mark.parametrize(
    ("project_name", "slug"),
    [
        ("My API", "my-api"),
        ("Ünïcode", "n-code"),
        ("123", "my-api"),
        ("3rd time", "rd-time"),
        ("---", "my-api"),
        ("a -- b!", "a-b"),
        ("🚀" * 60, "my-api"),
        ("x" * 49 + " y", "x" * 49),
        ("x" * 60, "x" * 50),
    ],
)
def test_the_default_slug_is_valid(project_name: str, slug: str, render: Render) -> None:
    proposed = saved_answers(render(project_name=project_name))["project_slug"]

    assert proposed == slug
    assert SLUG.fullmatch(proposed)


@pytest.fixture(params=list(SPECIAL_TEXTS.values()), ids=list(SPECIAL_TEXTS))
def special_text(request: pytest.FixtureRequest) -> Answers:
    text: str = request.param
    return {"project_name": text[:60], "description": text, "author_name": text}


def test_special_characters_are_stored_unchanged(special_text: Answers, render: Render) -> None:
    project = render(**special_text)

    saved = saved_answers(project)
    assert {name: saved[name] for name in special_text} == special_text

    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["description"] == special_text["description"]
    assert metadata["authors"] == [{"name": special_text["author_name"]}]
    assert SLUG.fullmatch(metadata["name"])

    package: dict[str, str] = {}
    exec((project / "src/app/__init__.py").read_text(encoding="utf-8"), package)
    assert package["NAME"] == special_text["project_name"]


def test_special_characters_are_plain_text_in_readme_and_license(
    special_text: Answers, render: Render
) -> None:
    project = render(**special_text)
    name, description, author = (str(text).strip() for text in special_text.values())

    readme = MarkdownIt().parse((project / "README.md").read_text(encoding="utf-8"))
    blocks = [token for token in readme if token.type == "inline"]
    for block, text in zip(blocks, (name, description), strict=False):
        assert block.children
        assert {part.type for part in block.children} == {"text"}
        assert "".join(part.content for part in block.children) == text
    assert f"Copyright (c) {author}\n" in (project / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize("ci", options.SURFACE["ci"])
def test_every_file_is_valid_with_special_characters(
    ci: str, special_text: Answers, render: Render
) -> None:
    project = render(**special_text, ci=ci)

    for path in project.rglob("*.y*ml"):
        yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in project.rglob("*.toml"):
        tomllib.loads(path.read_text(encoding="utf-8"))
    run(sys.executable, "-m", "ruff", "format", "--check", "--no-cache", cwd=project)
    run(sys.executable, "-m", "ruff", "check", "--no-cache", cwd=project)


@pytest.mark.parametrize(
    ("name", "email", "authors"),
    [
        ("", "", None),
        ("Ann", "", [{"name": "Ann"}]),
        ("", "ann@example.com", [{"email": "ann@example.com"}]),
        ("Ann", "ann@example.com", [{"name": "Ann", "email": "ann@example.com"}]),
    ],
)
def test_author_metadata_contains_only_given_values(
    name: str, email: str, authors: object, render: Render
) -> None:
    project = render(author_name=name, author_email=email)

    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata.get("authors") == authors


def saved_answers(project: Path) -> dict[str, Any]:
    loaded = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded
