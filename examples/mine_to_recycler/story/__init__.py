"""The story "from mine to recycler": one mass model, and every company's exports written from it.

`masses` counts; `upstream`, `loop` and `making` tell who did what; `model` puts it together; `tables` and `statements`
lay it out as the companies' systems hold it; `columns`, `sap`, `idoc`, `odata`, `workbook` and `lims` write the
formats; `flat`, `nested` and `signers` say who exports what; `write` makes the files. Standard library only.
"""
