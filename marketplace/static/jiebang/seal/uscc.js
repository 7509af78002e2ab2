// 统一社会信用代码 as accounts/uscc.py judges it: every fault by its own name.
const ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const ORG_WEIGHTS = [3, 7, 9, 10, 5, 8, 4, 2];

function checkOf(text, alphabet, weights, modulus, answers) {
  const total = Array.from(text).reduce((sum, sign, at) => sum + alphabet.indexOf(sign) * weights[at], 0);
  return answers[(modulus - (total % modulus)) % modulus];
}

const WEIGHTS = Array.from({ length: 17 }, (_nothing, at) => {
  let power = 1;
  for (let step = 0; step < at; step += 1) power = (power * 3) % 31;
  return power;
});

export function usccFaults(typed) {
  const found = [];
  let text = typed;
  if (text.normalize("NFKC") !== text) found.push("full_width");
  text = text.normalize("NFKC");
  if (text !== text.toUpperCase()) found.push("lower_case");
  text = text.toUpperCase();
  const signs = [...text];
  if (signs.length !== 18) found.push("length");
  if (signs.some((sign) => !ALPHABET.includes(sign))) found.push("alphabet");
  if (found.includes("length") || found.includes("alphabet")) return found;
  if (!/^[0-9]{6}$/.test(text.slice(2, 8))) found.push("region");
  if (checkOf(text.slice(8, 16), ORG_ALPHABET, ORG_WEIGHTS, 11, "0123456789X") !== text[16]) {
    found.push("organisation_check");
  }
  if (checkOf(text.slice(0, 17), ALPHABET, WEIGHTS, 31, ALPHABET) !== text[17]) found.push("check");
  return found;
}
