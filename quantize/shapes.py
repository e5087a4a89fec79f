"""Tensors of each kind of unit, from the channels, and of each kind of array, from channels and modes."""

Shape = tuple[int, ...]


def _linear(channels: int, name: str) -> dict[str, Shape]:
    return {f"{name}.weight": (channels, channels), f"{name}.bias": (channels,)}


def gated_spiking_unit(channels: int) -> dict[str, Shape]:
    return {
        "weight": (channels, channels),
        "bias": (channels,),
        "norm.weight": (channels,),
        "norm.bias": (channels,),
    }


def lean_gated_spiking_unit(channels: int) -> dict[str, Shape]:
    statistics: dict[str, Shape] = {"norm.running_mean": (channels,), "norm.running_var": (channels,)}
    return gated_spiking_unit(channels) | statistics


def gated_linear_unit(channels: int) -> dict[str, Shape]:
    return _linear(channels, "value") | _linear(channels, "gate")


def integrate_and_fire_unit(channels: int) -> dict[str, Shape]:
    return gated_linear_unit(channels) | {"log_threshold": (channels,)}


def resonate_and_fire_unit(channels: int) -> dict[str, Shape]:
    return _linear(channels, "mix")


def complex_modes(channels: int, modes: int) -> dict[str, Shape]:
    return {
        "C": (channels, modes, 2),
        "log_dt": (channels,),
        "log_A_real": (channels, modes),
        "A_imag": (channels, modes),
        "D": (channels,),
    }


def real_modes(channels: int, modes: int) -> dict[str, Shape]:
    return {"C": (channels, modes), "log_dt": (channels,), "log_A_real": (channels, modes), "D": (channels,)}
