#!/usr/bin/env php
<h1>Dunes</h1>
<?php foreach (['a', 'b'] as $item): ?>
<li><?= htmlspecialchars("<$item>") ?></li>
<?php endforeach ?>
