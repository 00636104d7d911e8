// Shows all parts. The gallery comes last: it chooses the first image, and the others hear of it.
'use strict';

limbeck.results.show();
limbeck.curves.show();
limbeck.errors.show();
limbeck.slider.show();
limbeck.draw.show();
limbeck.gallery.show();
