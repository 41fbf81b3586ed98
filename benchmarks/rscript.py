"""A running R session that evaluates a workload on demand and says how long it took.

R is started once and keeps its packages and data loaded, so that only the workload is timed, by
R's own clock.
"""

import shutil
import subprocess
from pathlib import Path

_LOOP = """
arguments <- commandArgs(TRUE)
suppressMessages(library(arguments[1], character.only = TRUE))
source(arguments[2])
input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
  f <- workloads[[line]]
  begin <- Sys.time()
  invisible(suppressWarnings(suppressMessages(capture.output(f()))))
  cat("SECONDS", as.numeric(difftime(Sys.time(), begin, units = "secs")), "\\n")
  flush(stdout())
}
"""


class RSession:
    """R with a package and the workloads of a script loaded."""

    def __init__(self, package: str, script: Path) -> None:
        self._process = subprocess.Popen(
            ["Rscript", "-e", _LOOP, package, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    @staticmethod
    def has(package: str) -> bool:
        """Say whether R is here and can load a package."""
        if shutil.which("Rscript") is None:
            return False
        question = f'quit(status = as.integer(!requireNamespace("{package}", quietly = TRUE)))'
        return subprocess.run(["Rscript", "-e", question], capture_output=True).returncode == 0

    def seconds(self, workload: str) -> float:
        """Run a workload of the script and give the seconds that R measured."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the R session has no pipes")
        self._process.stdin.write(workload + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("SECONDS"):
                return float(line.split()[1])
        raise RuntimeError(f'R ended while running "{workload}"')

    def close(self) -> None:
        """End the session."""
        self._process.terminate()
        self._process.wait()
