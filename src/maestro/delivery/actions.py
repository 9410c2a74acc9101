"""Every action that a step may name. What stands behind them is loaded when one runs."""

FLOW_ACTIONS = (
    "flow.begin",
    "flow.expand",
    "flow.collect",
    "value.set",
    "command.run",
    "notify",
)
ACTIONS = (
    *FLOW_ACTIONS,
    "plan.analyse",
    "plan.match",
    "plan.design",
    "plan.assemble",
    "contract.agree",
    "contract.verify",
    "contract.propose",
    "contract.amend",
    "consumer.recheck",
    "persona.work",
    "task.work",
    "app.integrate",
    "quality.gate",
)
