def scores(values: list[float], minutes: list[int]) -> list[float]:
    return [0.0] * len(values)
