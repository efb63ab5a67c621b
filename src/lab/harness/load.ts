/**
 * Loads a scenario or target, unless it is one of `here`: the default export of the module at that URL. Throws where it is no such
 * module.
 */
export async function load<T extends { readonly module: string }>(
  url: string,
  here: readonly T[] = [],
): Promise<T> {
  const own = here.find(({ module }) => module === url);
  if (own !== undefined) return own;
  const { default: loaded } = (await import(url)) as { default?: T };
  if (typeof loaded !== 'object' || loaded === null || loaded.module !== url) {
    throw new Error(
      `${url} must export, as its default, an object whose 'module' is import.meta.url: clients load it from there.`,
    );
  }
  return loaded;
}
