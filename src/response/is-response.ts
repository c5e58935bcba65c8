/** True for the Response of any implementation, without touching what touching changes. */
export function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true
  // Ponyfills have a class of their own with the same tag; a plain object has not.
  return Object.prototype.toString.call(value) === '[object Response]'
}
