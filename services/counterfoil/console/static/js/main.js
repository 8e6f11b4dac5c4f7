// What runs in the browser of a reader. The pages work without it.

for (const each of document.querySelectorAll("time[data-local]")) {
  const at = new Date(each.dateTime);
  const zone = Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  each.title = `${zone.format(at)} ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
}
