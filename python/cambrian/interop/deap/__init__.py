"""Our operators in a DEAP toolbox, and DEAP's simple loop on one array.

Operators one at a time, in any of DEAP's algorithms (individuals are lists, `array.array`s or NumPy arrays of
integers and keep their class and attributes)::

    import cambrian as cb
    from cambrian.interop import deap as native

    toolbox.register("mate", native.mate, choices=2, by=cb.TwoPointCrossover(1.0))
    toolbox.register("mutate", native.mutate, choices=2, by=cb.ResetMutation(0.05))
    toolbox.register("select", native.select, by=cb.Tournament(3))

That gives DEAP what it lacks (survivals, slot-wise crossover, structural mutation …), not speed: DEAP still
copies and varies one individual at a time. The speed is in `ea_simple`, which takes the place of
`deap.algorithms.eaSimple` and reads what the toolbox holds, DEAP's operators or ours. Three lines of DEAP's
short OneMax example (`examples/ga/onemax_short.py`) change::

    -from deap import algorithms
    +from cambrian.interop.deap import ea_simple
     …
    -    pop, log = algorithms.eaSimple(pop, toolbox, cxpb=0.5, mutpb=0.2, ngen=40,
    -                                   stats=stats, halloffame=hof, verbose=True)
    +    pop, log = ea_simple(pop, toolbox, cxpb=0.5, mutpb=0.2, ngen=40, stats=stats, halloffame=hof,
    +                         verbose=True, evaluate_batch=lambda genomes: genomes.sum(axis=1))

The last argument is for a fitness that can take all genomes at once, and saves most of the time; without it
`toolbox.evaluate` is called with the same individuals as before, through `toolbox.map`. Statistics, hall of
fame and logbook stay as they are. `benchmarks/onemax.py` measures the gain.
"""

from cambrian.interop.deap.loop import ea_simple
from cambrian.interop.deap.operators import mate, mutate, select

__all__ = ["ea_simple", "mate", "mutate", "select"]
