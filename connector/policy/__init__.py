"""Access policies: ODRL as typed values, a closed table of operands, evaluation with reasons, plain words.

Pure: facts and the time are arguments. Who proves a fact, and what follows from a decision, is left to the journeys.
"""
