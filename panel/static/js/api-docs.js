"use strict";
// Shows the API's description; the page's address of it stands in the document, so that no code does.
const place = document.getElementById("api");
SwaggerUIBundle({ url: place.dataset.description, domNode: place, deepLinking: true, validatorUrl: null });
