"""Where ``seqcli`` and ``python -m seqcli`` start; answers ``--version`` with nothing imported."""

import sys


def main() -> int:
    """Run the command line in ``sys.argv`` and return its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        import seqcli

        try:
            print("seqcli", seqcli.__version__, flush=True)
            return 0
        except (OSError, AttributeError):
            pass  # a full disk or a closed pipe: the long way says so, in the words used everywhere
    from seqcli.cli.main import run_process

    return run_process()


if __name__ == "__main__":
    sys.exit(main())
