"""What calls cost, from the price list that comes with the SDKs or from the user's own table."""

from genai_prices import Usage, calc_price

from maestro.agents.models.names import SERVER, ModelName
from maestro.domain.models import Price


def cost_of(
    model: ModelName, price: Price | None, input_tokens: int, output_tokens: int
) -> float | None:
    """US dollars; None where nobody knows the price."""
    if price is not None:
        return (price.input * input_tokens + price.output * output_tokens) / 1e6
    if model.provider == SERVER:
        return None
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        found = calc_price(usage, model.model, provider_id=model.provider)
    except LookupError:
        return None
    return float(found.total_price)
