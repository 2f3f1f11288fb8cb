"""NeMo-Run's place for what the face has too: `nemorun.core.execution`."""
