"""What a matplotlib figure shows, as data. Runs in the kernel, when the first figure is displayed."""

import math
import re

import matplotlib.category
import matplotlib.dates
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.patches import Wedge
from matplotlib.ticker import FixedFormatter

POINT_LIMIT = 1_000_000
SCALES = {"linear", "log", "symlog", "logit", "function", "functionlog", "asinh"}
UNIT = re.compile(r"[(\[]\s*([^()\[\]]+?)\s*[)\]]\s*$")


def chart_of(figure):
    """The figure's chart; None where it can't be told."""
    try:
        charts = [axes_chart(axes) for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"]
        heading = getattr(figure, "_suptitle", None)
        heading = heading.get_text() if heading is not None else None
        if not charts:
            return {"type": "unknown", "title": heading or None, "elements": []}
        if len(charts) == 1:
            charts[0]["title"] = charts[0]["title"] or heading or None
            return charts[0]
        return {"type": "superchart", "title": heading or None, "elements": charts}
    except Exception:
        return None


def axes_chart(axes):
    base = {"title": axes.get_title() or axes.get_title("left") or axes.get_title("right") or None}
    x, y = Axis(axes, axes.xaxis), Axis(axes, axes.yaxis)
    wedges = [patch for patch in axes.patches if isinstance(patch, Wedge)]
    if wedges:
        return {"type": "pie", **base, "elements": [slice_of(wedge) for wedge in wedges]}
    if axes.name != "rectilinear":
        return {"type": "unknown", **base, "elements": []}
    labels = {"x_label": x.label, "y_label": y.label, "x_unit": x.unit, "y_unit": y.unit}
    boxes = [
        box_of(one, line, x, y)
        for stats, lines in getattr(axes, "_sandstorm_boxes", [])
        for one, line in zip(stats, lines)
        if line.axes is axes
    ]
    if boxes:
        return {"type": "box_and_whisker", **base, **labels, "elements": boxes}
    bars = [one for one in axes.containers if isinstance(one, BarContainer) and any(patch.axes is axes for patch in one.patches)]
    if bars:
        return {"type": "bar", **base, **labels, "elements": [bar for container in bars for bar in bars_of(container, x, y)]}
    # Lines across the whole axes are marks, not data.
    lines = [line for line in axes.lines if line.get_visible() and line.get_transform() == axes.transData]
    clouds = [one for one in axes.collections if isinstance(one, PathCollection) and one.get_visible()]
    kind = "line" if lines else "scatter"
    if not lines and not clouds:
        return {"type": "unknown", **base, **labels, "elements": []}
    if sum(len(line.get_xdata(orig=False)) for line in lines) + sum(len(one.get_offsets()) for one in clouds) > POINT_LIMIT:
        raise ValueError("too many points")
    elements = [line_of(line, x, y) for line in lines] or [cloud_of(one, x, y) for one in clouds]
    ticks = {
        "x_ticks": x.ticks, "x_tick_labels": x.tick_labels, "x_scale": x.scale,
        "y_ticks": y.ticks, "y_tick_labels": y.tick_labels, "y_scale": y.scale,
    }
    return {"type": kind, **base, **labels, **ticks, "elements": elements}


class Axis:
    """One of the two directions: its words, its ticks, and what a number on it stands for."""

    def __init__(self, axes, axis):
        self.axes = axes
        self.label = axis.get_label_text() or None
        found = UNIT.search(self.label or "")
        self.unit = found.group(1) if found else None
        self.places = [float(tick) for tick in axis.get_ticklocs()]
        self.tick_labels = [label.get_text() for label in axis.get_ticklabels()]
        self.names = {}
        converter = axis.get_converter() if hasattr(axis, "get_converter") else axis.converter
        kind = type(converter).__name__
        units = axis.units
        if isinstance(units, matplotlib.category.UnitData):
            self.scale = "categorical"
            self.names = {place: name for name, place in units._mapping.items()}
        elif "Period" in kind:
            self.scale = "datetime"
        elif "Date" in kind or isinstance(axis.get_major_formatter(), (matplotlib.dates.DateFormatter, matplotlib.dates.AutoDateFormatter)):
            self.scale = "datetime"
        else:
            self.scale = axis.get_scale() if axis.get_scale() in SCALES else "function"
            if self.scale == "linear" and self.is_numbered():
                self.scale = "categorical"
                self.names = dict(zip(self.places, self.tick_labels))
        # Labels are given, not made of the numbers.
        self.is_lettered = self.scale in ("categorical", "datetime") or isinstance(axis.get_major_formatter(), FixedFormatter)
        self.is_period = "Period" in kind
        self.ticks = [self.value(place) for place in self.places]

    def is_numbered(self):
        """Whether ticks only count what the labels name."""
        texts = [text for text in self.tick_labels if text]
        return (
            bool(texts)
            and self.places == list(range(len(self.places)))
            and not any(number_in(text) for text in texts)
        )

    def value(self, place):
        """What a place on the axis stands for: a number, a name, or a time."""
        place = float(place)
        if not math.isfinite(place):
            return None
        if self.scale == "categorical":
            return self.names.get(place, place)
        if self.scale == "datetime":
            try:
                if self.is_period:
                    import pandas

                    return pandas.Period(ordinal=int(place), freq=self.axes.freq).start_time.isoformat()
                return matplotlib.dates.num2date(place).isoformat()
            except (ValueError, OverflowError):
                return None
        return place

    def values(self, places):
        return [self.value(place) for place in plain(places)]

    def name(self, place, reach):
        """The name of what is at a place: the nearest tick's within reach, else the place itself."""
        if self.is_lettered or any(text and not number_in(text) for text in self.tick_labels):
            named = [(abs(tick - place), text) for tick, text in zip(self.places, self.tick_labels) if text]
            named += [(abs(tick - place), name) for tick, name in self.names.items()]
            if named and min(named)[0] <= reach:
                return min(named)[1]
        value = self.value(place) if self.scale != "categorical" else place
        return value if isinstance(value, str) else f"{value:g}" if abs(value) < 1e6 and value != round(value) else f"{value:.0f}"


def number_in(text):
    try:
        float(text.replace("\u2212", "-").replace(",", ""))
        return True
    except ValueError:
        return False


def plain(values):
    """An array's numbers; what is masked is none."""
    filled = values.filled(math.nan) if hasattr(values, "filled") else values
    return [float(one) for one in filled]


def line_of(line, x, y):
    xs, ys = line.get_xdata(orig=False), line.get_ydata(orig=False)
    return {"label": str(line.get_label()), "points": [list(point) for point in zip(x.values(xs), y.values(ys))]}


def cloud_of(cloud, x, y):
    offsets = cloud.get_offsets()
    return {
        "label": str(cloud.get_label()),
        "points": [list(point) for point in zip(x.values(offsets[:, 0]), y.values(offsets[:, 1]))] if len(offsets) else [],
    }


def bars_of(container, x, y):
    is_upright = getattr(container, "orientation", None) != "horizontal"
    across = x if is_upright else y
    found = []
    for patch in container.patches:
        left, bottom, width, height = patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()
        place, breadth, value = (left + width / 2, width, height) if is_upright else (bottom + height / 2, height, width)
        value = float(value)
        found.append({
            "label": str(across.name(float(place), max(0.5, abs(float(breadth))))),
            "group": str(container.get_label()),
            "value": value if math.isfinite(value) else None,
        })
    return found


def slice_of(wedge):
    return {"label": str(wedge.get_label()), "angle": round(float(wedge.theta2 - wedge.theta1), 4), "radius": float(wedge.r)}


def box_of(stats, median, x, y):
    xs, ys = plain(median.get_xdata(orig=False)), plain(median.get_ydata(orig=False))
    is_upright = len(set(ys)) == 1
    across, place = (x, sum(xs) / len(xs)) if is_upright else (y, sum(ys) / len(ys))
    at_place = [text for tick, text in zip(across.places, across.tick_labels) if abs(tick - place) < 1e-6 and text]
    return {
        "label": str((at_place or [stats.get("label", f"{place:g}")])[0]),
        "min": float(stats["whislo"]), "first_quartile": float(stats["q1"]), "median": float(stats["med"]),
        "third_quartile": float(stats["q3"]), "max": float(stats["whishi"]), "outliers": plain(stats.get("fliers", [])),
    }
