from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.targets import TARGETS, Figures, table

ROOT = Path(__file__).resolve().parents[2]


def _engines(**times: list[float]) -> dict:
    def result(batch: int) -> dict:
        return {'network': 'full', 'batch': batch, 'floor': .2 * batch,
                'seconds': {name: [batch * t for t in values] for name, values in times.items()}}

    return {'results': [result(1), result(8)]}


def _functions(stock: float, fast: float, torch: float | None) -> dict:
    seconds = {'stock': [stock] * 3, 'fast': [fast, fast, 9 * fast], **({} if torch is None else {'torch': [torch]})}
    peaks = {'stock': 300, 'fast': 200}
    return {'rows': [{'case': case, 'seconds': seconds, 'peak_memory': peaks}
                     for case in ('network, prediction, batch 1', 'network, training, batch 4')]}


def test_ratios_and_limits() -> None:
    text = table(Figures(_engines(onnxruntime=[.3, .22], torch=[.4, .5]), _functions(10, 3.5, 3)))
    rows = [line.split()[-3:] for line in text.splitlines()[1:]]
    assert rows == [['0.35', '0.40', 'met'], ['0.35', '0.33', 'missed'], ['1.17', '1.30', 'met'],
                    ['0.67', '1.00', 'met'], ['1.10', '1.25', 'met'], ['0.55', '0.70', 'met'], ['1.00', '1.05', 'met']]


def test_what_was_not_measured_is_said() -> None:
    lines = table(Figures(_engines(openvino=[.3]), _functions(10, 3, None))).splitlines()[1:]
    assert [line.endswith('met') for line in lines] == [True, True, False, True, False, False, False]
    assert lines[2].endswith("not measured: no 'torch'")
    assert len(lines) == len(TARGETS)


def test_the_command_reads_the_files(tmp_path: Path) -> None:
    engines, functions = tmp_path / 'e.json', tmp_path / 'f.json'
    command = [sys.executable, '-m', 'benchmarks.targets', '--engines', str(engines), '--functions', str(functions)]
    for content, reason in ((None, 'No such file'), ('{"a"', 'Expecting'), ('{}', 'no figures of a benchmark')):
        if content is not None:
            engines.write_text(content)
            functions.write_text(content)
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
        assert reason in result.stderr
    engines.write_text(json.dumps(_engines(onnxruntime=[.2])))
    functions.write_text(json.dumps(_functions(1, .3, 1)))
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout.count('met\n') == 6
