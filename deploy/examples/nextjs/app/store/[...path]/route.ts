// For local() alone: the bytes that other stores get themselves.
import { valetkey } from "../../../valetkey";

const answer = (request: Request): Promise<Response> => valetkey.fetch(request);

export { answer as GET, answer as OPTIONS, answer as POST, answer as PUT };
