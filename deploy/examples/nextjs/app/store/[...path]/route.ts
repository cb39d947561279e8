// For local() alone: the bytes that other stores get themselves.
export { answer as GET, answer as PUT, answer as OPTIONS } from "../../../valetkey.ts";
