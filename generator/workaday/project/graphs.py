"""Pipelines as they are written: steps, what goes from one to the next, what is answered."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .models import Compute, Limits, Route, Scale
from .units import Duration, Name, Part, Rare, Seq, UrlPath, refuse


class Step(Part):
    """One call in a pipeline."""

    name: Name = Field(description="The step's name; later steps and `when` use it.")
    model: Name = Field(description="The model that it calls.")
    after: Seq[Name] = Field((), description="The steps whose answers it needs.")
    when: str | None = Field(
        None, min_length=1, description="A condition on earlier answers; if false, it is left out."
    )
    input: str | None = Field(
        None, min_length=1, description="What the model gets; by default what the pipeline got, as it came."
    )
    path: UrlPath | None = Field(None, description="The address at the model, where it is not its usual one.")
    optional: bool = Field(False, description="Its failure does not fail the pipeline.")
    timeout: Duration | None = Field(None, description="How long it may take, all tries together.")
    retries: int | None = Field(None, ge=0, le=10, description="How often it is tried again, where it had not begun.")


def _some(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    # not `min_length`, which counts the valid ones and so would add "is empty" to every mistake in the only step
    if not steps:
        refuse("range", "`steps` is empty", "needs at least one")
    return steps


class Pipeline(Rare):
    """Several models behind one address: a graph of steps."""

    name: Name = Field(description="The pipeline's name.")
    together: bool = Field(False, description="Whether the models share one pod.")
    steps: Annotated[Seq[Step], AfterValidator(_some)] = Field(
        description="The calls; those without `after` start at once.", json_schema_extra={"minItems": 1}
    )
    output: str | None = Field(
        None, min_length=1, description="What is answered; by default every step's answer by its name."
    )
    engine: Literal["workaday", "inference_graph"] | None = Field(
        None, description="What runs it in a cluster: our server, or KServe's InferenceGraph where the graph is one."
    )
    image: str | None = Field(
        None, min_length=1, description="An image with our server, where no step's model has one."
    )
    limits: Limits | None = Field(None, description="What one replica takes before it says no.")
    compute: Compute | None = Field(None, description="What each replica gets, without the models' own.")
    scale: Scale | None = Field(None, description="How many replicas, and what decides.")
    route: Route | None = Field(None, description="The pipeline's address at the gateway.")
