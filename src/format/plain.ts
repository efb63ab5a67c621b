/** True for an object that JSON keeps as it is: one without a class, of any realm. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // The prototype of plain objects of another realm, such as that of a test in jest.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** True for a plain array of any realm. The prototype of plain arrays is itself an array; that of a subclass is not. */
export function isPlainArray(value: readonly unknown[]): boolean {
  return Array.isArray(Object.getPrototypeOf(value));
}

/** Describes an object that is not plain, for messages. */
export function classText(value: object): string {
  const made = value.constructor;
  const name = typeof made === 'function' ? made.name : '';
  return name === '' || name === 'Object' ? 'an object with a prototype' : `an instance of ${name}`;
}

const MOST_NAME = 60;

/** The path to a place in a value, for messages: `data.items[3]["a b"]`. */
export function pathText(root: string, names: readonly (string | number)[]): string {
  return root + names.map(stepText).join('');
}

function stepText(name: string | number): string {
  if (typeof name === 'number') return `[${name}]`;
  if (name.length > MOST_NAME) return `[${JSON.stringify(`${name.slice(0, MOST_NAME)}...`)}]`;
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}
