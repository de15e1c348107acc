"""Every recording in this folder replays as an unprivileged user to the lines and metrics beside it. No root needed."""
from __future__ import annotations

import os
import unittest
from pathlib import Path

from replaying import CAPTURES, MAX_BYTES, Replayer, summary
from traffic import SECRET_MARK

RECORD_ANEW = "sudo -E python3 tests/captures/record.py records them anew"


class CapturesTest(unittest.TestCase):
    def setUp(self) -> None:
        self.replayer = self.enterContext(Replayer(Path(os.environ["BEYLA_BINARY"])))

    def recordings(self) -> list[Path]:
        found = sorted(CAPTURES.glob("*.beyla"))
        self.assertTrue(found, f"no recordings in {CAPTURES}: {RECORD_ANEW}")
        return found

    def test_each_replays_to_its_lines_and_metrics(self) -> None:
        for original in self.recordings():
            with self.subTest(original.name, hint=RECORD_ANEW):
                recording = self.replayer.take(original)
                self.assertEqual(self.replayer.output(recording), original.with_suffix(".lines").read_text())
                page = self.replayer.output(recording, "--metrics")
                self.assertEqual(summary(page), original.with_suffix(".metrics").read_text())

    def test_none_holds_a_secret_or_is_large(self) -> None:
        for recording in self.recordings():
            with self.subTest(recording.name):
                content = recording.read_bytes()
                self.assertNotIn(SECRET_MARK.encode(), content)
                self.assertLessEqual(len(content), MAX_BYTES)

    def test_a_file_that_may_not_be_read_is_an_error(self) -> None:
        recording = self.replayer.take(self.recordings()[0])
        recording.chmod(0)
        refused = self.replayer.replay(recording)
        self.assertEqual(refused.exit_code, 2)
        self.assertEqual(refused.stderr, f"beyla: cannot read {recording}: Permission denied\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
