"""What is loaded when a proof is verified."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from tacit.proofs.statements import proving

from .models import committed, dense, inference, rows_for

VERIFIER = """
import sys
import numpy as np
from pathlib import Path
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.statements import statement
from tacit.proofs.statements.inference import Inference

here = Path(sys.argv[1])
model = ModelCommitment.from_bytes((here / "model").read_bytes())
rows, outputs = np.load(here / "rows.npy"), np.load(here / "outputs.npy")
statement.verify(Inference(model, rows, outputs), (here / "proof").read_bytes())
loaded = [name for name in sys.modules if name.split(".")[0] in ("numba", "llvmlite", "torch")]
loaded += [name for name in sys.modules if name.startswith("tacit.kernels.")]
ours = [name for name in sys.modules if name.startswith("tacit.proofs.")]
loaded += [name for name in ours if name.split(".")[-1] in ("prover", "proving", "secret")]
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""


def test_a_verifier_loads_neither_a_prover_nor_a_compiler(tmp_path: Path) -> None:
    model = committed(dense([3, 2]), 2)
    claim = inference(model, rows_for(model.graph, 1))
    (tmp_path / "proof").write_bytes(proving.prove(claim, model))
    (tmp_path / "model").write_bytes(model.commitment.to_bytes())
    np.save(tmp_path / "rows.npy", claim.rows)
    np.save(tmp_path / "outputs.npy", claim.outputs)
    subprocess.run([sys.executable, "-c", VERIFIER, str(tmp_path)], check=True)
