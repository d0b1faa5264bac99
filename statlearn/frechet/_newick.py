"""Reading trees in the Newick format."""

import re

__all__ = ["read_newick"]

TOKEN = re.compile(r"\s+|\[[^\[\]]*\]|(?P<quoted>'(?:[^']|'')*')|(?P<mark>[(),:;])|(?P<word>[^\s\[\]()',:;]+)")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)
SHOWN = 20  # characters in a message
# Kinds of tokens that may come next, n a name or number and q a name in quotes.
ALLOWED = {"open": "(nq:,)", "name": ":,);", "colon": "n", "length": ",);", "close": "nq:,);", "end": ""}
EXPECTED = {
    "open": "a node",
    "name": "':', ',', ')' or ';'",
    "colon": "a number",
    "length": "',', ')' or ';'",
    "close": "a name, ':', ',', ')' or ';'",
    "end": "the end of the text",
}


def read_newick(text):
    """Nodes of a tree in the Newick format, such as ``((cat:1,dog:2)carnivore:3,cow:4)mammal;``.

    Names may be in single quotes, inside which two of them stand for one. Comments in square brackets are skipped.
    Underscores are kept.

    Parameters
    ----------
    text : str
        The tree.

    Returns
    -------
    parent : list of int
        Parent of every node, which comes before it; -1 for the first.
    names : list of str or None
        Names of the nodes; None where there is none.
    lengths : list of float or None
        Lengths of the edges to the parents; None where there is none.

    Raises
    ------
    TypeError
        If the text is not one.
    ValueError
        If it is no tree in this format.

    References
    ----------
    Olsen (1990). "Newick's 8:45 Tree Format Standard".

    Examples
    --------
    >>> from statlearn.frechet._newick import read_newick
    >>> read_newick("(a:1,b:2)c;")
    ([-1, 0, 0], ['c', 'a', 'b'], [None, 1.0, 2.0])
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a string in the Newick format. Got {type(text).__name__}.")
    parent, names, lengths = [-1], [None], [None]
    node, state = 0, "open"
    for place, kind, value in _tokens(text):
        if kind not in ALLOWED[state]:
            raise _error(text, place, f"{EXPECTED[state]} was expected there")
        if kind == "n" and state == "colon":
            lengths[node], state = _number(text, place, value), "length"
        elif kind in "nq":
            names[node], state = value, "name"
        elif kind == ":":
            state = "colon"
        elif kind == ";":
            if parent[node] >= 0:
                raise _error(text, place, "')' is missing before it")
            state = "end"
        else:
            if kind != "(":
                node = parent[node]
            if node < 0:
                raise _error(text, place, "'(' is missing before it")
            state = "close"
            if kind != ")":
                parent.append(node)
                names.append(None)
                lengths.append(None)
                node, state = len(parent) - 1, "open"
    if state != "end":
        raise ValueError("text must end with ';', as trees in the Newick format do.")
    return parent, names, lengths


def _tokens(text):
    """Places, kinds and values of the tokens that mean something: n for names, q for those in quotes, and marks."""
    place = 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise _error(text, place, "a quote or bracket is not closed")
        if match["mark"]:
            yield place, match["mark"], match["mark"]
        elif match["quoted"]:
            yield place, "q", match["quoted"][1:-1].replace("''", "'")
        elif match["word"]:
            yield place, "n", match["word"]
        place = match.end()


def _number(text, place, value):
    if NUMBER.fullmatch(value) is None:
        raise _error(text, place, "a number was expected there")
    return float(value)


def _error(text, place, reason):
    found = text[place : place + SHOWN]
    return ValueError(f"text must be a tree in the Newick format. Got {found!r} at character {place}: {reason}.")
