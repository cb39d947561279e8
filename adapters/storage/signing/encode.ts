/**
 * Percent-encodes everything but the unreserved characters of RFC 3986, section 2.3, which is the
 * form that Signature Version 4 signs. Throws a `URIError` on text that is not well-formed.
 */
export function encodeComponent(text: string): string {
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * Encodes an object's name for the path of a URL: each segment once and the slashes not at all.
 * Empty, `.` and `..` segments stay as they are, since to S3 they are part of the name.
 */
export function encodeKey(key: string): string {
  if (UNRESERVED_PATH.test(key)) return key;
  return key.split("/").map(encodeComponent).join("/");
}

const UNRESERVED = /^[A-Za-z0-9\-._~]*$/;
const UNRESERVED_PATH = /^[A-Za-z0-9\-._~/]*$/;
