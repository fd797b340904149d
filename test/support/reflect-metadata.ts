/** The X.509 library's dependency container insists on this API; the classes it makes for us have no constructor parameters, so none is known. */
Object.assign(Reflect, { getMetadata: () => undefined, getOwnMetadata: () => undefined, defineMetadata: () => undefined });
