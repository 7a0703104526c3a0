"""The newest release of each major of the library against the server: twelve steps each, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

from support import RestTest

HERE = Path(__file__).resolve().parent
STEPS = 12


class Versions(RestTest):
    def smoke(self, major):
        """All steps pass, and nothing is said on standard error. What is installed beside the newest: `tests/run`."""
        own = HERE / ".versions" / str(major)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        if major != 9:
            self.assertTrue(own.is_dir(), f"{own} is missing: tests/run installs it from versions/{major}.txt")
            environment["PYTHONPATH"] = str(own)
        airlock = self.airlock
        environment["SMOKE"] = json.dumps({
            "account": airlock.account, "key": airlock.key, "secret": airlock.secret, "url": airlock.url, "service": self.sid,
        })  # fmt: skip
        command = [sys.executable, "-W", "ignore", str(HERE / "versions/smoke.py")]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        head, *lines = [json.loads(line) for line in ended.stdout.splitlines()]
        self.assertEqual(head["version"].split(".")[0], str(major))
        self.assertEqual([it for it in lines if not it["ok"]], [], ended.stderr)
        self.assertEqual([it["step"] for it in lines], list(range(1, STEPS + 1)), ended.stderr)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_6(self):
        """§2: twilio 6, twelve steps"""
        self.smoke(6)

    def test_7(self):
        """§2: twilio 7, twelve steps"""
        self.smoke(7)

    def test_8(self):
        """§2: twilio 8, twelve steps"""
        self.smoke(8)

    def test_9(self):
        """§2: twilio 9, twelve steps"""
        self.smoke(9)
