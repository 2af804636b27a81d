import doctest
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def test_python_blocks_run_and_print_what_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = FENCE.findall(README.read_text())
    checker = doctest.OutputChecker()
    namespace = {}
    shown = 0
    for (language, code), (following, text) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language != "python":
            continue
        exec(compile(code, "README.md", "exec"), namespace)
        printed = capsys.readouterr().out
        if following == "text":
            example = doctest.Example(code, text)
            assert checker.check_output(text, printed, OPTIONS), checker.output_difference(
                example, printed, OPTIONS
            )
            shown += 1
    assert shown
    assert (tmp_path / "flux.png").stat().st_size > 10_000


def test_the_first_screen_holds_a_runnable_example():
    head = README.read_text().split("```python\n", 1)
    first_block = head[1].split("```", 1)[0]
    assert head[0].count("\n") + first_block.count("\n") <= 20
    assert len(first_block.splitlines()) <= 10


def test_nothing_is_left_to_fill():
    assert not re.search(r"TO-FILL|TODO|TBD", README.read_text())
