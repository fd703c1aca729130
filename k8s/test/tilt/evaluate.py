"""Evaluates the Tiltfile as Tilt would, with Python for Starlark and a stand-in for each of Tilt's functions that it uses.

Reads a JSON object from standard input: root, context, subcommand, settings and yaml (parsed files by path). Prints one with what
Tilt would have: resources, images, buttons, and what is enabled. Whatever is no Starlark, or what Tilt would refuse, is an error.
"""
import ast
import io
import json
import os
import subprocess
import sys
import tokenize
from types import SimpleNamespace

given = json.load(sys.stdin)
os.chdir(given["root"])
WORKLOADS = ["Deployment", "StatefulSet", "DaemonSet", "Job"]
NO_STARLARK = (
    ast.Import, ast.ImportFrom, ast.Try, ast.With, ast.ClassDef, ast.JoinedStr, ast.GeneratorExp, ast.Raise, ast.Assert, ast.Delete,
    ast.Global, ast.Nonlocal, ast.Is, ast.IsNot, ast.Pow, ast.MatMult, ast.NamedExpr, ast.AnnAssign, ast.Yield, ast.Await, ast.Set,
)


class Refused(Exception):
    pass


def refuse(message):
    raise Refused(message)


def check_starlark(path, text):
    for node in ast.walk(ast.parse(text, path)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, NO_STARLARK):
            refuse(f"{path}:{line}: {type(node).__name__} is no Starlark")
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            refuse(f"{path}:{line}: chained comparisons are no Starlark")
        if isinstance(node, ast.FunctionDef) and (node.decorator_list or node.returns):
            refuse(f"{path}:{line}: decorators and types are no Starlark")
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in (tokenize.NL, tokenize.COMMENT)]
    for first, second in zip(tokens, tokens[1:]):
        if first.type == second.type == tokenize.STRING:
            refuse(f"{path}:{first.start[0]}: strings side by side are no Starlark")


entities, options, locals_, images, buttons, commands = [], [], [], [], [], []
settings_seen, definitions, enabled = {}, {}, None


def relative(path):
    return os.path.relpath(path, given["root"])


def documents(path):
    found = given["yaml"].get(relative(path))
    if found is None:
        refuse(f"Cannot read {path}: there is no such file")
    return json.loads(json.dumps(found))


def read_yaml(path):
    (only,) = documents(path)
    return only


def read_json(path):
    with open(path) as file:
        return json.load(file)


def k8s_yaml(yaml):
    entities.extend(yaml["objects"] if isinstance(yaml, dict) else documents(yaml))


def k8s_resource(workload="", new_name="", port_forwards=[], trigger_mode="auto", resource_deps=[], objects=[], auto_init=True, links=[], labels=[], pod_readiness=""):
    if not workload and not objects:
        refuse("k8s_resource doesn't specify a workload or any objects")
    options.append(dict(locals()))


def local_resource(name, cmd, deps=[], trigger_mode="auto", resource_deps=[], auto_init=True, allow_parallel=False, links=[], labels=[], env={}):
    for dep in deps:
        if not os.path.exists(dep):
            refuse(f"{name} depends on {dep}, which does not exist")
    locals_.append({**locals(), "kind": "local", "portForwards": [], "objects": []})


def docker_build(ref, context, build_args={}, dockerfile="Dockerfile", live_update=[], only=[], ignore=[], target=""):
    images.append(dict(locals()))


def port_forward(local_port, container_port=None, name="", link_path="", host=""):
    return {"local": local_port, "container": container_port or local_port, "name": name}


def define(kind):
    def setting(name, args=False, usage=""):
        definitions[name] = kind

    return setting


def parse():
    for name, value in given["settings"].items():
        if name not in definitions or not isinstance(value, definitions[name]):
            refuse(f"{name} is no setting of this type")
    return dict(given["settings"])


def set_enabled_resources(names):
    global enabled
    enabled = names


def local(command, quiet=False, echo_off=False):
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


def listdir(directory, recursive=False):
    walked = os.walk(os.path.abspath(directory))
    return [os.path.join(folder, file) for folder, _, files in walked for file in sorted(files) if recursive or folder == os.path.abspath(directory)]


def type_of(value):
    names = {dict: "dict", list: "list", str: "string", int: "int", bool: "bool", float: "float", type(None): "NoneType"}
    return names[type(value)]


def fail(*words):
    refuse(" ".join(str(word) for word in words))


def record(**fields):
    return fields


def setting_of(function):
    def keep(**fields):
        settings_seen[function] = fields

    return keep


TILT = {
    "read_yaml": read_yaml,
    "read_yaml_stream": documents,
    "read_json": read_json,
    "encode_yaml_stream": lambda objects: {"objects": objects},
    "k8s_yaml": k8s_yaml,
    "k8s_resource": k8s_resource,
    "k8s_context": lambda: given["context"],
    "local_resource": local_resource,
    "docker_build": docker_build,
    "port_forward": port_forward,
    "link": lambda url, name: {"url": url, "name": name},
    "sync": lambda source, target: {"sync": source, "to": target},
    "fall_back_on": lambda files: {"fallBackOn": files},
    "local": local,
    "listdir": listdir,
    "fail": fail,
    "version_settings": setting_of("version"),
    "update_settings": setting_of("update"),
    "ci_settings": setting_of("ci"),
    "analytics_settings": lambda enable: None,
    "TRIGGER_MODE_MANUAL": "manual",
    "TRIGGER_MODE_AUTO": "auto",
    "os": SimpleNamespace(path=SimpleNamespace(exists=os.path.exists, basename=os.path.basename, dirname=os.path.dirname)),
    "config": SimpleNamespace(
        define_bool=define(bool),
        define_string=define(str),
        define_string_list=define(list),
        parse=parse,
        set_enabled_resources=set_enabled_resources,
        tilt_subcommand=given["subcommand"],
        main_dir=given["root"],
    ),
    "v1alpha1": SimpleNamespace(
        ui_button=lambda **fields: buttons.append(fields),
        cmd=lambda **fields: commands.append(fields),
        start_on_spec=record,
        ui_input_spec=record,
        ui_choice_input_spec=record,
    ),
    "type": type_of,
    "struct": lambda **fields: SimpleNamespace(**fields),
}
STARLARK = {name: __builtins__.__dict__[name] for name in ["len", "list", "dict", "str", "int", "bool", "sorted", "range", "enumerate", "zip", "any", "all", "min", "max", "reversed", "tuple", "repr"]}
STARLARK |= {"True": True, "False": False, "None": None}


def evaluate(path):
    with open(path) as file:
        text = file.read()
    check_starlark(path, text)
    names = {"__builtins__": STARLARK, **TILT}

    def load(other, *wanted):
        loaded = evaluate(os.path.join(os.path.dirname(path), other))
        for name in wanted:
            if name.startswith("_") or name not in loaded:
                refuse(f"{path}: {other} has no {name}")
            names[name] = loaded[name]

    names["load"] = load
    exec(compile(text, path, "exec"), names)
    return names


def selector_of(entity):
    return ":".join([entity["metadata"]["name"], entity["kind"], entity["metadata"].get("namespace", "default")]).lower()


def assemble():
    """Tilt's own way: workloads, each with the Services that select its pods; then what k8s_resource moves; the rest is left."""
    resources, rest = {}, [entity for entity in entities if entity["kind"] not in WORKLOADS]
    for entity in entities:
        if entity["kind"] not in WORKLOADS:
            continue
        labels = entity["spec"]["template"]["metadata"]["labels"]
        own = [one for one in rest if one["kind"] == "Service" and one["spec"].get("selector", {}).items() <= labels.items()]
        rest = [one for one in rest if one not in own]
        if entity["metadata"]["name"] in resources:
            refuse(f"two workloads are called {entity['metadata']['name']}")
        resources[entity["metadata"]["name"]] = {"objects": [entity] + own}
    for option in options:
        key = option["workload"] or option["new_name"]
        if not option["workload"]:
            resources[key] = {"objects": []}
        if key not in resources:
            refuse(f"k8s_resource specified unknown resource {key}")
        resource = resources.pop(key)
        for wanted in option["objects"]:
            found = [one for one in rest if selector_of(one) == wanted.lower()]
            if len(found) != 1:
                refuse(f"{wanted} is {len(found)} objects of what is left")
            rest = [one for one in rest if one is not found[0]]
            resource["objects"] += found
        resource.update(
            kind="k8s",
            name=option["new_name"] or key,
            portForwards=option["port_forwards"],
            **{field: option[field] for field in ["trigger_mode", "resource_deps", "auto_init", "labels", "links"]},
        )
        if resource["name"] in resources:
            refuse(f"two resources are called {resource['name']}")
        resources[resource["name"]] = resource
    unnamed = [name for name, resource in resources.items() if "name" not in resource]
    return list(resources.values()), [selector_of(one) for one in rest] + unnamed


try:
    evaluate("Tiltfile")
    resources, left = assemble()
    answer = {"resources": locals_ + resources, "left": left, "images": images, "buttons": buttons, "commands": commands, "enabled": enabled, "settings": settings_seen}
    json.dump(answer, sys.stdout)
except Refused as refused:
    json.dump({"refused": str(refused)}, sys.stdout)
