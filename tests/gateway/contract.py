"""Holds a transcript of the gateway against the OpenAPI documents: every request and answer.

Arguments: the folder of the documents, the transcript.
"""

import json
import pathlib
import re
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """Without dates and the key `=`, which the documents mean as text."""


Loader.yaml_implicit_resolvers = {
    key: [(tag, regex) for tag, regex in all if not tag.endswith((":timestamp", ":value"))]
    for key, all in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

METHODS = ("get", "put", "post", "patch", "delete")


def opened(schema):
    """OpenAPI 3.0's `nullable` and its extensible enums, in the words of JSON Schema."""
    if isinstance(schema, list):
        return [opened(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: opened(value) for key, value in schema.items() if key != "discriminator"}
    if made.get("format") in ("uri", "date-time", "duration"):
        made.pop("format")
    if made.pop("nullable", False) is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def operations(folder):
    """(method, path as a regular expression, operation, components) of every document."""
    found = []
    for file in sorted(folder.glob("*.yaml")):
        document = yaml.load(file.read_text(encoding="utf-8"), Loader)
        components = opened(document.get("components", {}))
        for path, operation in document["paths"].items():
            path = path.split("?")[0]
            parts = re.split(r"\{[^}]*\}", path)
            regex = re.compile("^" + "[^/]+".join(map(re.escape, parts)) + "$")
            for method in METHODS:
                if method in operation:
                    found.append((method, regex, path, operation[method], components))
    # Of two that fit, the one with fewer open parts is meant.
    found.sort(key=lambda one: one[2].count("{"))
    return found


def wrong_with(body, content, components):
    for kind, media in content.items():
        if "json" not in kind or "schema" not in media:
            continue
        schema = {**opened(media["schema"]), "components": components}
        validator = jsonschema.Draft7Validator(schema)
        return [
            f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in validator.iter_errors(body)
        ]
    return []


# Where the documents differ from the cloud itself, as recordings and its own clients show it: results
# stand in `results`, `upsert_columns` may be null, no `spec` has a `statement_name`, operations of a patch
# are written as in the standard. `metadata` of a request need not say where the answer will be.
KNOWN = (
    "'data' is a required property",
    "None is not of type 'array'",
    "/spec: 'statement_name' is a required property",
    "request /metadata: 'self' is a required property",
    "is not valid under any of the given schemas",
)


def main():
    folder, transcript = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    known = operations(folder)
    counts, wrong = {}, []
    for line in transcript.read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        path = exchange["path"].split("?")[0]
        if exchange["fault"] or path.startswith("/changeproof/"):
            continue
        method = exchange["method"].lower()
        fits = [one for one in known if one[0] == method and one[1].match(path)]
        if "expand=" in exchange["path"]:
            fits = fits[1:] + fits[:1]
        if not fits:
            wrong.append(f"{method} {path}: no document has it")
            continue
        _, _, shape, operation, components = fits[0]
        counts[f"{method} {shape}"] = counts.get(f"{method} {shape}", 0) + 1
        status = str(exchange["status"])
        answer = operation["responses"].get(status) or operation["responses"].get("default")
        if answer is None:
            wrong.append(f"{method} {shape}: the document has no status {status}")
            continue
        if "$ref" in answer:
            answer = components["responses"][answer["$ref"].split("/")[-1]]
        told = wrong_with(exchange["answer"], answer.get("content", {}), components)
        if exchange["request"] is not None:
            asked = operation.get("requestBody", {})
            if "$ref" in asked:
                asked = components["requestBodies"][asked["$ref"].split("/")[-1]]
            if int(status) < 400:
                told += [f"request {one}" for one in
                         wrong_with(exchange["request"], asked.get("content", {}), components)]
        wrong += [f"{method} {shape} {status}: {one}" for one in told if not one.endswith(KNOWN)]
    for shape, count in sorted(counts.items()):
        print(f"{count:5} {shape}")
    for one in sorted(set(wrong)):
        print(f"wrong: {one}")
    if wrong or not counts:
        sys.exit(1)


main()
