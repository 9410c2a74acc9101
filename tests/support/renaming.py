"""What the double of a model answers: the worked example with the names changed, as it is asked."""

import re

from model_double import Asked, Says


def renamed_file(asked: Asked) -> Says:
    """The file a diligent model would write."""
    question = asked.last
    found = re.search(r"the file (\S+):\n```\w*\n(.*?)\n```\n\n", question, re.DOTALL)
    assert found, question[:2000]
    text = found.group(2)
    for one, other in pairs(question):
        text = substituted(text, one, other)
    tokens = (len(question) // 3, len(text) // 3)
    return Says(text=f"Here it is:\n```\n{text}\n```\n", tokens=tokens)


def pairs(question: str) -> list[tuple[str, str]]:
    """Which name becomes which; the longest first."""
    found = re.search(r"Names: <data>\n(.*?)\n</data>", question, re.DOTALL)
    assert found, question[:2000]
    told = [tuple(pair.split(" becomes ")) for pair in found.group(1).split("; ")]
    titles = re.findall(r"^title: (.*)$", question, re.MULTILINE)
    told.append((titles[0], titles[1]))
    return sorted(((a, b) for a, b in told), key=lambda pair: -len(pair[0]))


def substituted(text: str, one: str, other: str) -> str:
    """In every spelling: snake_case, kebab-case, PascalCase, camelCase, words."""
    for form in (
        str,
        lambda name: name.replace("_", "-"),
        lambda name: "".join(word.capitalize() for word in name.split("_")),
        lambda name: name.replace("_", " ").capitalize(),
        lambda name: name.replace("_", " "),
        lambda name: name.upper(),
    ):
        text = re.sub(
            rf"(?<![a-z]){re.escape(form(one))}|{re.escape(form(one))}(?=[A-Z_])", form(other), text
        )
    return text
