/**
 * Tell where the page breaks its own content security policy: that is a bug of ours, and it is seen
 * in no other way. The tests look at the attribute.
 */
export function watchPolicy(): void {
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
    const { dataset } = document.documentElement;
    dataset.violations = `${dataset.violations ?? ""}${effectiveDirective} ${blockedURI}\n`;
    console.error(`The content security policy refused ${effectiveDirective} of ${blockedURI}.`);
  });
}
