"""The fuzzer lies beside the tests and is one of their helpers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
