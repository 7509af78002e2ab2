// Whether the recipients that the page was given are those that the log announced for this demand.
import { leafInLog } from "../verify.js";

// "held" with the checkpoint's size, "waiting" where the log has not sealed it yet, or "other".
export function announced(sheet) {
  if (!sheet.publication) return { state: "waiting" };
  try {
    const { leaf, size } = leafInLog(sheet.publication, sheet.key);
    const told = leaf.data ?? leaf;
    const names = Object.keys(sheet.recipients);
    const same = leaf.kind === "scenario.published"
      && leaf.subjects.includes(sheet.scenario)
      && names.length === Object.keys(told.recipients).length
      && names.every((name) => told.recipients[name] === sheet.recipients[name]);
    return { state: same ? "held" : "other", size };
  } catch (error) {
    return { state: "other", error };
  }
}
