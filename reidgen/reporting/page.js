'use strict';
const PAGE = 25;  // queries shown at a time
const stored = document.getElementById('thumbnails');
const thumbnails = stored ? JSON.parse(stored.textContent) : {};

function element(name, kind, text) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function image(path, pid, camera, kind, distance) {
  const cell = element('div', 'image ' + kind);
  const caption = (pid < 0 ? '?' : pid) + ' c' + camera + (distance === undefined ? '' : ' ' + distance);
  cell.title = path;
  if (thumbnails[path]) {
    const picture = element('img');
    picture.src = thumbnails[path];
    picture.alt = kind + ' ' + caption;
    cell.append(picture, caption);
  } else {
    cell.append(element('div', 'text', caption));
  }
  return cell;
}

function ranked(query) {
  const list = element('div', 'list');
  const images = element('div', 'images');
  list.append(element('p', '', 'AP ' + query.ap.toFixed(1) + ', first match at rank ' + query.first + ': ' + query.path), images);
  images.append(image(query.path, query.pid, query.camera, 'query'));
  for (const [path, pid, camera, kind, distance] of query.ranked) images.append(image(path, pid, camera, kind, distance));
  return list;
}

function showQueries(article) {
  const all = JSON.parse(article.querySelector('script').textContent);  // by rising AP
  const form = article.querySelector('form');
  const lists = article.querySelector('.lists');
  const more = article.querySelector('.more');
  let chosen = [];
  function add() {
    const begin = lists.children.length;
    lists.append(...chosen.slice(begin, begin + PAGE).map(ranked));
    more.hidden = lists.children.length >= chosen.length;
  }
  function filter() {
    const below = form.below.value === '' ? Infinity : Number(form.below.value);
    const text = form.text.value.trim().toLowerCase();
    chosen = all.filter(query =>
      (form.camera.value === '' || query.camera === Number(form.camera.value)) &&
      query.ap < below &&
      (text === '' || query.path.toLowerCase().includes(text) || String(query.pid) === text) &&
      (!form.drawn.checked || thumbnails[query.path]));
    if (form.order.value === 'best') chosen.reverse();
    lists.replaceChildren();
    article.querySelector('.count').textContent = chosen.length + ' of ' + all.length + ' queries';
    add();
  }
  form.addEventListener('input', filter);
  form.addEventListener('submit', event => event.preventDefault());
  more.addEventListener('click', add);
  filter();
}

for (const article of document.querySelectorAll('.retrieval')) showQueries(article);

for (const series of document.querySelectorAll('.series')) {
  const range = series.querySelector('input');
  if (!range) continue;
  const iterations = JSON.parse(series.dataset.iterations);
  range.addEventListener('input', () => {
    series.querySelectorAll('img').forEach((picture, number) => { picture.hidden = number !== Number(range.value); });
    series.querySelector('output').textContent = iterations[range.value];
  });
}
