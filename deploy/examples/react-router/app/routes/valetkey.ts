import { valetkey } from "../valetkey.server";

const answer = ({ request }: { request: Request }): Promise<Response> => valetkey.fetch(request);

// React Router calls one for GET and HEAD, and the other for all else.
export { answer as action, answer as loader };
