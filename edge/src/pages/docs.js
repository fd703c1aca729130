// Shows /openapi.json as operations to read and try. Everything is set as text, never as HTML.
const api = await (await fetch("/openapi.json")).json();
const list = document.querySelector("#operations");
const token = document.querySelector("#token");

/** Comments of the contracts are wrapped at 80 columns: only an empty line, or one of a list, ends a line here. */
const unwrapped = (text = "") => text.replace(/([^\n])\n(?![\n-])/g, "$1 ");

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function resolve(schema) {
  const name = schema?.$ref?.split("/").at(-1);
  return name ? api.components.schemas[name] : (schema ?? {});
}

function typeOf(schema) {
  const target = resolve(schema);
  if (target.enum) return "enum";
  if (target.type === "array") return `${typeOf(target.items)}[]`;
  return [target.type, target.format && `(${target.format})`].flat().filter(Boolean).join(" ") || "any";
}

function example(schema, depth = 0) {
  const target = resolve(schema);
  if (target.enum) return target.enum[1] ?? target.enum[0];
  if (target.examples) return target.examples[0];
  if (target.type === "array") return depth > 5 ? [] : [example(target.items, depth + 1)];
  if (target.type === "object") {
    const entries = depth > 5 ? [] : Object.entries(target.properties ?? {});
    return Object.fromEntries(entries.map(([name, one]) => [name, example(one, depth + 1)]));
  }
  if (target.type === "integer" || target.type === "number") return target.minimum ?? 0;
  if (target.type === "boolean") return false;
  return target.format === "date-time" ? "2026-01-01T00:00:00Z" : target.format === "int64" ? "0" : "";
}

function fields(schema, depth = 0) {
  const target = resolve(schema);
  if (target.type === "array") return fields(target.items, depth);
  if (!target.properties || depth > 3) return [];
  return Object.entries(target.properties).flatMap(([name, one]) => [
    make(
      "tr",
      {},
      make(
        "td",
        {},
        make("code", { textContent: `${"  ".repeat(depth)}${name}${target.required?.includes(name) ? " *" : ""}` }),
      ),
      make("td", { textContent: typeOf(one) }),
      make("td", { className: "description", textContent: unwrapped(one.description ?? resolve(one).description) }),
    ),
    ...fields(one, depth + 1),
  ]);
}

function table(title, rows) {
  return rows.length === 0 ? "" : make("div", {}, make("h4", { textContent: title }), make("table", {}, ...rows));
}

function tryOut(method, path, operation) {
  const inputs = operation.parameters.map((parameter) => [parameter, make("input", { size: 40 })]);
  const json = operation.requestBody?.content["application/json"].schema;
  const body = json && make("textarea", { value: JSON.stringify(example(json), null, 2), spellcheck: false });
  const output = make("pre", { hidden: true });
  const send = async () => {
    const query = new URLSearchParams();
    const headers = token.value ? { authorization: `Bearer ${token.value.trim()}` } : {};
    let target = path;
    for (const [{ name, in: where }, { value }] of inputs) {
      if (where === "path") target = target.replace(`{${name}}`, encodeURIComponent(value));
      else if (value !== "" && where === "query") query.append(name, value);
      else if (value !== "") headers[name] = value;
    }
    if (body) headers["content-type"] = "application/json";
    output.hidden = false;
    output.textContent = "…";
    try {
      const answer = await fetch(query.size ? `${target}?${query}` : target, { method, headers, body: body?.value });
      output.textContent = `${answer.status} ${answer.statusText}\n`;
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      const isJson = answer.headers.get("content-type")?.startsWith("application/json");
      let text = "";
      for (let part = await reader?.read(); part && !part.done; part = await reader.read()) {
        text += part.value;
        if (!isJson) output.textContent += part.value;
      }
      if (!isJson) return;
      const json = JSON.parse(text);
      output.textContent += JSON.stringify(json, null, 2);
      if (typeof json.accessToken !== "string") return;
      const use = () => {
        token.value = json.accessToken;
      };
      output.after(make("button", { type: "button", textContent: "Use this access token", onclick: use }));
    } catch (error) {
      output.textContent += String(error);
    }
  };
  return make(
    "div",
    {},
    make("h4", { textContent: "Try it" }),
    ...inputs.map(([{ name, required }, input]) =>
      make("p", {}, make("label", {}, `${name}${required ? " *" : ""} `, input)),
    ),
    body ?? "",
    make("p", {}, make("button", { type: "button", textContent: "Send", onclick: send })),
    output,
  );
}

function show(method, path, operation) {
  const details = make("details", { id: operation.operationId });
  details.dataset.text = `${method} ${path} ${operation.summary}`.toLowerCase();
  details.append(
    make(
      "summary",
      {},
      make("b", { textContent: method }),
      make("code", { textContent: path }),
      ` ${operation.summary}`,
    ),
  );
  // Written out when it is opened: most never are.
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const parameters = operation.parameters.map((one) =>
      make(
        "tr",
        {},
        make("td", {}, make("code", { textContent: one.name + (one.required ? " *" : "") })),
        make("td", { textContent: `${one.in}: ${typeOf(one.schema)}` }),
        make("td", { className: "description", textContent: unwrapped(one.description) }),
      ),
    );
    const answer = Object.values(operation.responses["200"].content)[0]?.schema;
    details.append(
      make("p", { className: "description", textContent: unwrapped(operation.description) }),
      make("p", {}, "RPC ", make("code", { textContent: operation["x-grpc-method"] })),
      table("Parameters", parameters),
      table("Body", fields(operation.requestBody?.content["application/json"].schema)),
      table("Answer", fields(answer)),
      tryOut(method, path, operation),
    );
  });
  return details;
}

document.querySelector("#intro").textContent = api.info.description;
const groups = new Map(
  api.tags.map((tag) => [
    tag.name,
    make(
      "section",
      {},
      make("h2", { textContent: tag.name.split(".").at(-1) }),
      make("p", { textContent: unwrapped(tag.description) }),
    ),
  ]),
);
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods))
    groups.get(operation.tags[0]).append(show(method.toUpperCase(), path, operation));
}
list.replaceChildren(...groups.values());
const nothing = make("p", { textContent: "Nothing found.", hidden: true });
list.after(nothing);
document.querySelector("#find").addEventListener("input", ({ target }) => {
  for (const details of list.querySelectorAll("details"))
    details.hidden = !details.dataset.text.includes(target.value.toLowerCase());
  for (const group of groups.values()) group.hidden = !group.querySelector("details:not([hidden])");
  nothing.hidden = [...groups.values()].some((group) => !group.hidden);
});
document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
