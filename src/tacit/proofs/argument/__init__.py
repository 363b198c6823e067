"""The argument: from a core, which leaves claims on commitments, to a proof of it, in clear or in zero knowledge."""
