"""Stub."""
from localhub.base.errors import ExpressionError
from localhub.expressions import evaluation, templates, values
def fold(text, scope, keep, times=1):
    out=[]
    for piece in templates.split(text):
        if isinstance(piece,str): out.append(piece); continue
        try: out.append(escape(values.text(evaluation.evaluate(piece.source,scope))))
        except ExpressionError: out.append("${{ %s }}"%piece.source)
    return "".join(out)
def fold_condition(source,scope,keep):
    return fold("${{ %s }}"%source,scope,keep)
def escape(text,times=1): return text.replace("${{","${{ '${{' }}")
