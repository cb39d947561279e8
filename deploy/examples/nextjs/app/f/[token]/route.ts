import { valetkey } from "../../../valetkey";

const answer = (request: Request): Promise<Response> => valetkey.fetch(request);

export { answer as GET };
