/**
 * JSON.stringify as it was at load. A test may put another in its place, or one that answers with nothing: what that wrote into a
 * line, no reader would accept.
 */
export const { stringify } = JSON;
