// Sends a zip as it is, with progress. XHR, because fetch cannot tell how much has gone out.

import { Refused, refusal } from "./api.js";
import { t } from "./i18n.js";

/** Upload and check; `on.progress(share)` while it goes out, `on.checking()` while the server reads it. Throws Refused. */
export function upload(file, name, on) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("PUT", `/api/datasets/${encodeURIComponent(name)}/archive`);
    xhr.setRequestHeader("content-type", "application/zip");
    xhr.setRequestHeader("accept", "application/json");
    xhr.upload.onprogress = (event) => event.lengthComputable && on.progress(event.loaded / event.total);
    xhr.upload.onload = () => on.checking();
    xhr.onload = () => (xhr.status < 300 ? resolve(JSON.parse(xhr.responseText)) : reject(refusal(xhr.status, xhr.responseText)));
    xhr.onerror = () => reject(new Refused("lost", t("data.upload_lost"), ""));
    xhr.send(file);
    on.cancel?.(() => {
      xhr.abort();
      reject(new Refused("cancelled", "", ""));
    });
  });
}

/** A data set name for a file: without folder, ending and characters that a name cannot have. */
export function suggestName(file) {
  return file.replace(/^.*[\\/]/, "").replace(/\.zip$/i, "").normalize("NFC").replace(/[^\p{L}\p{N}_ .()-]+/gu, "_").replace(/^[^\p{L}\p{N}_]+/u, "").slice(0, 80);
}
