"""The steps that follow a file, by a saved model."""

from __future__ import annotations

import math
from typing import cast

from seqcli.errors import ModelError, UsageError
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.readers.table import Table
from seqcli.results import ResultTable
