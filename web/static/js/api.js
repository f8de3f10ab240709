// Requests to our own server.

import { coded, t } from "./i18n.js";
import { sentences } from "./sentences.js";

/** A failed request in words: `message` says what was wrong, `hint` what to do. */
export class Refused extends Error {
  constructor(code, message, hint) {
    super(message);
    Object.assign(this, { code, hint });
  }
}

/** Send and read JSON. Throws Refused. */
export async function request(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused("offline", t("connection.offline"), "");
  }
  if (!response.ok) throw refusal(response.status, await response.text());
  return response.status === 204 ? null : response.json();
}

/** The Refused that an error answer stands for. */
export function refusal(status, text) {
  let answer = {};
  try {
    answer = JSON.parse(text);
  } catch {
    // a proxy may answer with something else than JSON
  }
  const detail = Array.isArray(answer.detail) ? answer.detail.map((each) => each.msg).join("; ") : answer.detail;
  const message = answer.message ?? detail ?? `HTTP ${status}`;
  if (answer.values?.problems) return severalProblems(answer);
  const title = answer.code ? coded("error", answer.code, answer.values ?? {}, "") : "";
  const hint = answer.code ? coded("error", `${answer.code}.hint`, {}, answer.hint ?? "") : "";
  return new Refused(answer.code ?? "", title && title !== message ? `${title}: ${message}` : message, hint);
}

/** Problems of a data set are worded whole, one by one. */
function severalProblems({ code, values }) {
  const said = values.problems.map((each) => coded("error", each.code, each.values, each.message));
  const hints = values.problems.map((each) => coded("error", `${each.code}.hint`, {}, each.hint));
  return new Refused(code, sentences(...said), sentences(...new Set(hints)));
}
