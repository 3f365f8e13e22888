"""The shared vocabulary: terms, the bundled contexts, shape checks, views per audience.

The single source is `vocab/terms.csv` with `vocab/shapes.csv` beside it; context and JSON Schemas are generated from
them (`build`). A running connector asks `bundle` for everything; all other modules here are pure.

Left to others: `admission` (strict JSON) has its own module; signing and verifying stand in `connector.credentials`.
"""
